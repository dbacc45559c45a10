// SPDX-License-Identifier: MIT
// The files of a folder by Node, each read into memory; a line of log for each request. usage: node http.js LISTENER FOLDER
'use strict';
const fs = require('fs');
const http = require('http');

http.createServer((request, response) => {
	const path = request.url.includes('..') ? '/' : request.url;
	fs.readFile(process.argv[3] + path, (error, data) => {
		if (error) response.writeHead(404).end();
		else response.writeHead(200, { 'Content-Length': data.length, 'Content-Type': 'application/octet-stream' }).end(data);
		fs.writeSync(1, `${request.method} ${path} ${response.statusCode}\n`);
	});
}).listen({ fd: Number(process.argv[2]) });
