// SPDX-License-Identifier: MIT
// The files of a folder by net/http, on one processor, with a line of log for each request.
// usage: bench-http-go LISTENER FOLDER [CERTIFICATE KEY]
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
)

func main() {
	runtime.GOMAXPROCS(1)
	fd, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	listener, err := net.FileListener(os.NewFile(uintptr(fd), "listener"))
	if err != nil {
		panic(err)
	}
	files := http.FileServer(http.Dir(os.Args[2]))
	logged := http.HandlerFunc(func(to http.ResponseWriter, request *http.Request) {
		files.ServeHTTP(to, request)
		fmt.Println(request.RemoteAddr, request.Method, request.URL.Path)
	})
	// A client that goes away in the middle is no error.
	server := http.Server{Handler: logged, ErrorLog: log.New(io.Discard, "", 0)}
	if len(os.Args) > 4 {
		panic(server.ServeTLS(listener, os.Args[3], os.Args[4]))
	}
	panic(server.Serve(listener))
}
