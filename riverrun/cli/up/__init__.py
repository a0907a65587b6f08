"""`riverrun up`: all three services on one machine, as processes that are watched."""
