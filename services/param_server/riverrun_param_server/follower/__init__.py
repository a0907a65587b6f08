"""A read replica: what the leader announces, held in memory and handed on (DECISIONS 16)."""
