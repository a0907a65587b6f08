"""All of gRPC: channels, errors, servers, clients of our own services, proto <-> core."""
