"""Virtual terminals: many small devices in one process that know nothing but the device door and the words of `protocol`."""
