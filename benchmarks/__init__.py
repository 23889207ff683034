"""Speed and strength against other libraries: same model, same images, same run."""
