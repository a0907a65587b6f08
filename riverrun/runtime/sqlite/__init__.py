"""SQLite as a store that keeps its word: what was committed survives a crash and a power cut.

`database` is a file in use, `database_file` how it is opened, `store_format` which files are taken,
`transactions` what is all or nothing, and `error_codes` what an error says.
"""
