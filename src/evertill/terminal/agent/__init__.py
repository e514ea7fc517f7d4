"""The update agent: it asks the server, checks what it may do, and takes a release through its journey while the till sells."""
