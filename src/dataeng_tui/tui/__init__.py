"""The screen: it shows what the services say and does no I/O of its own."""
