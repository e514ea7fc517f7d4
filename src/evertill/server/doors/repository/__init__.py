"""The signed repository as files: /{tenant}/tuf/metadata and /{tenant}/tuf/targets."""
