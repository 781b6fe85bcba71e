"""Servers that offer the model over gRPC and REST to code in other processes.

There are two, and both use the same two endpoints. `loopback` serves the fake of a test: it looks up the simulation for
each call, answers each call in its own thread, and uses the test's time. `emulator` is a separate program that uses the
wall clock: one event loop owns the simulation and answers calls, `scheduler_loop` dispatches due tasks and sleeps until
the next one, and `sender` makes the real requests.

The endpoints don't depend on a simulation. `grpc_endpoint` has grpcio's servers with one generic handler.
`rest_endpoint` passes the bytes of a request to `_messages.rest` and serves the bytes that it returns. `request_guard`
checks each request first, and rejects those that a web page of another site could have sent.
"""
