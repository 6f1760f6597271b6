"""The same objects in every form that masks are found in, for all who read masks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

SIZE = (40, 60)
"""(height, width) of every form."""
FIRST, SECOND, OPEN = (np.zeros(SIZE, bool) for _ in range(3))
FIRST[6:22, 8:28] = True
SECOND[6:22, 28:44] = True
OPEN[26:36, 10:50] = True
BOTH = FIRST | SECOND
ONE = BOTH.astype(np.uint8)


def values(first: int, second: int, undecided: int = 0, dtype: type = np.uint8) -> np.ndarray:
    """(H,W): two objects side by side, and what the annotators left open below."""
    return np.select([FIRST, SECOND, OPEN], [first, second, undecided], 0).astype(dtype)


def voc() -> list[int]:
    """The palette of PASCAL VOC, DAVIS and YouTube-VOS."""
    colours = []
    for index in range(256):
        channels = [0, 0, 0]
        for bit in range(8):
            for channel in range(3):
                channels[channel] |= (index >> (3 * bit + channel) & 1) << (7 - bit)
        colours += channels
    return colours


VOC = voc()
GREYS = [value for value in range(256) for _ in range(3)]
DRAWN = np.asarray(VOC, np.uint8).reshape(-1, 3)


def indexed(indices: np.ndarray, palette: list[int]) -> Image.Image:
    image = Image.frombytes("P", (indices.shape[1], indices.shape[0]), indices.astype(np.uint8).tobytes())
    image.putpalette(palette)
    return image


def grey(array: np.ndarray) -> Image.Image:
    return Image.fromarray(array)


def three(array: np.ndarray) -> Image.Image:
    return Image.fromarray(np.repeat(array[..., None], 3, axis=2))


def smooth(mask: np.ndarray, low: int = 0, high: int = 255) -> np.ndarray:
    """Antialiased: drawn eight times as large and averaged, shifted so that borders lie between pixels."""
    large = np.roll(np.kron(mask, np.ones((8, 8))), (1, 1), (0, 1)).astype(np.float32)
    return np.asarray(low + (high - low) * cv2.resize(large, SIZE[::-1], interpolation=cv2.INTER_AREA) + 0.5, np.uint8)


def alpha(colour: np.ndarray, opacity: np.ndarray) -> Image.Image:
    rgb = colour if colour.ndim == 3 else np.repeat(colour[..., None], 3, axis=2)
    return Image.fromarray(np.dstack([rgb, opacity]).astype(np.uint8))


NOISE = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
WHITE = np.full(SIZE, 255, np.uint8)


@dataclass(frozen=True)
class Form:
    """A file and what is right."""

    image: Image.Image
    suffix: str = ".png"
    quality: int = 75
    """Of a JPEG."""
    void: bool = False
    """Whether the open region is void where a data set has void."""
    refused: str = ""
    """By evaluation, which raises doubts: what it says."""

    def save(self, folder: Path, name: str) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}{self.suffix}"
        self.image.save(path, quality=self.quality, subsampling=0)
        return path


def _indices_with_void() -> np.ndarray:
    return values(1, 2, 255)


FORMS = {
    "one bit": Form(Image.fromarray(BOTH)),
    "palette, one object": Form(indexed(ONE, VOC)),
    "palette, labels": Form(indexed(values(1, 2), VOC)),
    "palette, labels and void": Form(indexed(_indices_with_void(), VOC), void=True),
    "palette, short": Form(indexed(values(1, 2), VOC[:9])),
    "palette without colours": Form(indexed(values(1, 2), [0, 0, 0])),
    "palette of greys": Form(indexed(values(1, 2), GREYS)),
    "palette of greys with void": Form(indexed(_indices_with_void(), GREYS), void=True),
    "palette of greys, white first": Form(indexed(1 - ONE, [255, 255, 255, 0, 0, 0])),
    "palette of greys, 38 and 75": Form(indexed(values(2, 1), [0, 0, 0, 38, 38, 38, 75, 75, 75])),
    "grey 0/255": Form(grey(ONE * np.uint8(255))),
    "grey 0/1": Form(grey(ONE)),
    "grey 0/38": Form(grey(ONE * np.uint8(38))),
    "grey 0/200": Form(grey(ONE * np.uint8(200))),
    "grey labels": Form(grey(values(1, 2))),
    "grey labels and void": Form(grey(_indices_with_void()), void=True),
    "grey labels 38/75": Form(grey(values(38, 75))),
    "grey labels 38/128": Form(grey(values(38, 128))),
    "grey labels 38/255": Form(grey(values(38, 255))),
    "grey labels 38/75, RGB": Form(three(values(38, 75))),
    "grey, not quite black and white": Form(grey(np.where(BOTH, 254 + NOISE[..., 0] % 2, NOISE[..., 1] % 2))),
    "grey, 16 to 235": Form(grey(np.where(BOTH, 235, 16).astype(np.uint8)), refused="no background"),
    "antialiased": Form(grey(smooth(BOTH))),
    "antialiased, RGB": Form(three(smooth(BOTH))),
    "antialiased, 16 to 235": Form(grey(smooth(BOTH, 16, 235))),
    "soft map": Form(grey(np.where(BOTH, 140 + NOISE[..., 0] % 100, NOISE[..., 1] % 120).astype(np.uint8))),
    "JPEG": Form(three(ONE * np.uint8(255)), ".jpg"),
    "grey JPEG": Form(grey(ONE * np.uint8(255)), ".jpg"),
    "16 bits 0/65535": Form(grey(ONE.astype(np.uint16) * np.uint16(65535))),
    "16 bits 0/255": Form(grey(ONE.astype(np.uint16) * np.uint16(255))),
    "16 bits 0/1": Form(grey(ONE.astype(np.uint16))),
    "16 bits, labels": Form(grey(values(1001, 1002, dtype=np.uint16))),
    "16 bits, soft": Form(grey(smooth(BOTH).astype(np.uint16) * np.uint16(257))),
    "float 0..1": Form(grey(smooth(BOTH).astype(np.float32) / np.float32(255)), ".tif"),
    "float 0/0.9": Form(grey(ONE.astype(np.float32) * np.float32(0.9)), ".tif"),
    "float 0/255": Form(grey(ONE.astype(np.float32) * np.float32(255)), ".tif"),
    "float labels": Form(grey(values(1, 2, dtype=np.float32)), ".tif"),
    "colours": Form(Image.fromarray(DRAWN[values(1, 2)])),
    "colours and void": Form(Image.fromarray(DRAWN[_indices_with_void()]), void=True),
    "colours, dark": Form(Image.fromarray(np.array([[0, 0, 0], [0, 0, 20], [12, 0, 0]], np.uint8)[values(1, 2)])),
    "colours, JPEG": Form(Image.fromarray(DRAWN[ONE * np.uint8(15)]), ".jpg", 100, refused="colour picture"),
    "grey, opaque": Form(alpha(ONE * np.uint8(255), WHITE)),
    "labels, opaque": Form(alpha(values(38, 75), WHITE)),
    "labels, evenly transparent": Form(alpha(values(38, 75), WHITE // 2)),
    "photograph, cut out": Form(alpha(NOISE, ONE * np.uint8(255)), refused="cut-out"),
    "photograph, cut out softly": Form(alpha(NOISE, smooth(BOTH)), refused="cut-out"),
    "white, cut out": Form(alpha(WHITE, ONE * np.uint8(255)), refused="cut-out"),
    "black, cut out": Form(alpha(WHITE * 0, ONE * np.uint8(255)), refused="cut-out"),
    "labels on nothing": Form(alpha(DRAWN[values(1, 2)], ONE * np.uint8(255)), refused="cut-out"),
    "mask in a frame": Form(alpha(ONE * np.uint8(255), np.pad(WHITE[1:-1, 1:-1], 1)), refused="cut-out"),
}
