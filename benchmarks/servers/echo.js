// SPDX-License-Identifier: MIT
// An echo server on Node; a slow reader stops the reading. usage: node echo.js LISTENER
'use strict';
require('net').createServer({ noDelay: true }, (socket) => {
	socket.on('data', (data) => {
		if (!socket.write(data)) socket.pause();
	});
	socket.on('drain', () => socket.resume());
	socket.on('error', () => socket.destroy());
}).listen({ fd: Number(process.argv[2]), backlog: 4096 });
