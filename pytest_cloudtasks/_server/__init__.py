"""Servers: the model over gRPC and REST, for code in other processes."""
