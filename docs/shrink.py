"""Makes pictures of screens small: 256 colours are enough for them."""

import sys

from PIL import Image

for name in sys.argv[1:]:
    image = Image.open(name).convert("RGB")
    image = image.quantize(256, method=Image.Quantize.MEDIANCUT, dither=0)
    image.save(name, optimize=True)
