"""HTTP services as models: asked over the network, black boxes that see 8-bit images."""
