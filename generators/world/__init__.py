"""The bundled world: the scenes that training draws, and the networks that judge them."""
