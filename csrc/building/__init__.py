"""What setup.py needs to make the native modules of the sources around this folder, and a small wheel of them."""
