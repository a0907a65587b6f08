"""Generated protobuf stubs; never edited (`make protos`)."""
