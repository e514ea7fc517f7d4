"""Clock, ids, errors, database, storage, events, jobs. No business words."""
