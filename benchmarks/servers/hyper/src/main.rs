// SPDX-License-Identifier: MIT
//! The files of a folder by hyper, on one thread, each read into memory; a line of log a request. usage: http-hyper LISTENER FOLDER
use hyper::service::{make_service_fn, service_fn};
use hyper::{Body, Request, Response, Server, StatusCode};
use std::convert::Infallible;
use std::os::unix::io::FromRawFd;
use std::sync::Arc;

#[derive(Clone)]
struct Local;

/// Connections stay on this thread.
impl<F: std::future::Future + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(task);
    }
}

fn answer(folder: &str, request: &Request<Body>) -> Response<Body> {
    let path = request.uri().path();
    let file = if path.contains("..") { None } else { std::fs::read(format!("{folder}{path}")).ok() };
    let status = if file.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let data = file.unwrap_or_default();
    println!("{} {} {} {}", request.method(), path, status.as_u16(), data.len());
    let mut response = Response::new(Body::from(data));
    *response.status_mut() = status;
    response
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let folder: Arc<str> = arguments[2].clone().into();
    // SAFETY: the descriptor was inherited, and nobody else has it.
    let listener = unsafe { std::net::TcpListener::from_raw_fd(arguments[1].parse().unwrap()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let service = make_service_fn(move |_| {
        let folder = folder.clone();
        let each = service_fn(move |request| {
            let response = answer(&folder, &request);
            async move { Ok::<_, Infallible>(response) }
        });
        async move { Ok::<_, Infallible>(each) }
    });
    tokio::task::LocalSet::new().block_on(&runtime, async {
        listener.set_nonblocking(true).unwrap();
        Server::from_tcp(listener).unwrap().tcp_nodelay(true).executor(Local).serve(service).await.unwrap();
    });
}
