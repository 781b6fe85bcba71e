"""Servers: the model over gRPC and REST, for code in other processes.

There are two, on the same two endpoints. `loopback` serves the fake of a test, whose simulation it asks for call by
call; each call is answered in a thread of its own, and time is the test's. `emulator` is a server of its own that goes
by the wall clock: one event loop owns the simulation and answers calls, `scheduler_loop` dispatches what is due and
sleeps until more is, and `sender` makes the real requests.

The endpoints know no simulation. `grpc_endpoint` has grpcio's servers with one generic handler; `rest_endpoint` gives
the bytes of a request to `_messages.rest` and serves the bytes that it returns. `request_guard` rejects first what a
web page of another site could have sent.
"""
