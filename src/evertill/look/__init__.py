"""The visual language as files: tokens, components, icons. Data only; console and kiosk serve the same ones."""

from pathlib import Path

FOLDER = Path(__file__).parent
