"""Where a net looks: Grad-CAM and activation maps."""
