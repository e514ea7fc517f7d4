"""An update's journey on this terminal: the machine, its journal, and one file per step."""
