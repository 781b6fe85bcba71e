"""Front doors over the network: gRPC and REST, in front of anything that answers calls."""
