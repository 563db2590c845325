"""Everything that must outlive the process, in two engines: SQLite and Redis."""
