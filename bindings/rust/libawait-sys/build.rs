// SPDX-License-Identifier: MIT
//! Finds libawait with pkg-config: an installed one, or, with `PKG_CONFIG_PATH=<build>/pkgconfig`, one that
//! isn't installed.

fn main() {
    // docs.rs does not have libawait, and documentation is not linked.
    if std::env::var_os("DOCS_RS").is_some() {
        return;
    }
    match pkg_config::Config::new().atleast_version("0.1.0").probe("libawait") {
        Ok(library) => {
            // Visible to the build scripts of dependents as DEP_AWAIT_LIBDIR, for their rpath, and
            // DEP_AWAIT_INCLUDE.
            if let Some(dir) = library.link_paths.first() {
                println!("cargo:libdir={}", dir.display());
            }
            if let Some(dir) = library.include_paths.first() {
                println!("cargo:include={}", dir.display());
            }
        }
        Err(error) => {
            eprintln!("{}", error);
            eprintln!("libawait-sys: pkg-config finds no libawait; install it, or set PKG_CONFIG_PATH");
            std::process::exit(1);
        }
    }
}
