"""The notebooks, installed so that `workbench lab` finds them."""
