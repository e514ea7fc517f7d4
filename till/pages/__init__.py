"""The till's pages: plain HTML forms that work without script, 中文 first, served on `till.sock`."""
