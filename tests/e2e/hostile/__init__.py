"""An app bundle that is signed and hostile: what a courier's cell has to withstand."""
