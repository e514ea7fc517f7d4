"""The processes of an installation: `serve` watches over one web process and one worker."""
