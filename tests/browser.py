#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A headless Chromium loads the directory page of the example http_server, and follows its links. By hand: the browser is too large for
the tests.

usage: AWAIT_BACKEND=NAME browser.py HTTP_SERVER [CHROMIUM]
"""
import http.server
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading

PAGE = '''<!doctype html><title>second</title><p id="where">second page</p>
<script>document.title = "seen " + performance.getEntriesByType("navigation").length;</script>'''
# It runs in a page of the site: loads the directory page into a frame, clicks on a link there, and shows where that has led.
DRIVER = '''<!doctype html><body><iframe id="frame" src="/"></iframe><pre id="log"></pre><script>
const frame = document.getElementById("frame"), log = document.getElementById("log");
const steps = ["sub/", "page.html"];
frame.onload = () => {
  const inner = frame.contentDocument;
  log.textContent += frame.contentWindow.location.pathname + " [" + inner.title + "]\\n";
  const wanted = steps.shift();
  if (!wanted) { log.textContent += "text: " + inner.body.textContent.trim().slice(0, 11) + "\\n"; return; }
  const link = [...inner.querySelectorAll("a")].find(a => a.getAttribute("href").endsWith(wanted));
  if (link) link.click(); else log.textContent += "no link " + wanted + "\\n";
};
</script>'''


def main():
    server, chromium = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else 'chromium'
    with tempfile.TemporaryDirectory() as there:
        site = pathlib.Path(there) / 'site'
        (site / 'sub').mkdir(parents=True)
        (site / 'sub' / 'page.html').write_text(PAGE)
        (site / 'driver.html').write_text(DRIVER)
        (site / 'a <b>&"c" ü.txt').write_text('odd')
        process = subprocess.Popen([server, '-a', '127.0.0.1', '-p', '0', str(site)], stdout=subprocess.PIPE, text=True)
        try:
            url = re.search(r'http://\S+', process.stdout.readline())[0]
            common = [chromium, '--headless=new', '--no-sandbox', '--disable-gpu', f'--user-data-dir={there}/profile', '--virtual-time-budget=20000', '--dump-dom']
            listing = subprocess.run([*common, url], capture_output=True, text=True, timeout=120, check=True).stdout
            followed = subprocess.run([*common, url + 'driver.html'], capture_output=True, text=True, timeout=120, check=True).stdout
        finally:
            process.send_signal(signal.SIGTERM)
            log, _ = process.communicate(timeout=60)
    print(listing)
    print(followed)
    print(log)
    good = 'a &lt;b&gt;&amp;"c" ü.txt' in listing and re.search(r'/sub/page\.html \[.*\]\ntext: second page', followed) and process.returncode == 0
    print(f'{1 if good else 0} passed, {0 if good else 1} failed')
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
