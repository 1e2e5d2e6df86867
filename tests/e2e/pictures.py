"""Pictures of pages, small enough to live beside the text: PNG with a palette of at most 256 colours."""

import struct
import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes) -> bytes:
    """Give one chunk of a PNG file."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def read_pixels(png: bytes) -> np.ndarray:
    """Give the pixels (height, width, 3) of a PNG as Chromium writes it: 8 bits for each of red, green and blue."""
    assert png.startswith(SIGNATURE)
    place, body = len(SIGNATURE), b""
    width = height = channels = 0
    while place < len(png):
        length, kind = struct.unpack(">I4s", png[place : place + 8])
        data = png[place + 8 : place + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colours, *_rest, interlaced = struct.unpack(">IIBBBBB", data)
            assert (depth, interlaced) == (8, 0)
            channels = {2: 3, 6: 4}[colours]
        elif kind == b"IDAT":
            body += data
        place += length + 12
    lines = np.frombuffer(zlib.decompress(body), np.uint8).reshape(height, 1 + width * channels)
    pixels = np.zeros((height, width, channels), np.uint8)
    above = np.zeros((width, channels), np.uint8)
    for number, line in enumerate(lines):
        above = pixels[number] = unfilter(int(line[0]), line[1:].reshape(width, channels), above)
    return pixels[:, :, :3]


def unfilter(method: int, line: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Undo the filter of one line (PNG specification, 9.2)."""
    if method == 0:
        return line
    if method == 1:
        return np.cumsum(line, axis=0, dtype=np.uint8)
    if method == 2:
        return line + above
    # Average and Paeth look at the pixel on the left, one after the other.
    done = np.zeros_like(line)
    left = [0] * line.shape[1]
    corner = [0] * line.shape[1]
    for place, (pixel, up) in enumerate(zip(line.tolist(), above.tolist(), strict=True)):
        if method == 3:
            left = [(p + (le + u) // 2) & 255 for p, le, u in zip(pixel, left, up, strict=True)]
        else:
            left = [(p + paeth(le, u, c)) & 255 for p, le, u, c in zip(pixel, left, up, corner, strict=True)]
        corner = up
        done[place] = left
    return done


def paeth(left: int, up: int, corner: int) -> int:
    """Give the neighbour that the Paeth filter predicts from."""
    guess = left + up - corner
    distances = ((abs(guess - left), left), (abs(guess - up), up), (abs(guess - corner), corner))
    return min(distances, key=lambda pair: pair[0])[1]


def with_palette(png: bytes) -> bytes:
    """Give the same picture with at most 256 colours: those that fill the most of it, each pixel the nearest."""
    pixels = read_pixels(png)
    height, width, _channels = pixels.shape
    cells = (pixels >> 3).astype(np.uint16)
    cell = (cells[:, :, 0] << 10) | (cells[:, :, 1] << 5) | cells[:, :, 2]
    count = np.bincount(cell.ravel(), minlength=1 << 15)
    busiest = [number for number in np.argsort(count)[::-1][:256] if count[number]]
    flat = pixels.reshape(-1, 3)
    palette = np.array([common_colour(flat[cell.ravel() == number]) for number in busiest], np.int32)
    used = np.flatnonzero(count)
    middle = np.stack([(used >> 10) * 8 + 4, ((used >> 5) & 31) * 8 + 4, (used & 31) * 8 + 4], axis=1)
    nearest = np.zeros(1 << 15, np.uint8)
    nearest[used] = np.argmin(((middle[:, None, :] - palette[None]) ** 2).sum(axis=2), axis=1)
    nearest[busiest] = np.arange(len(busiest))
    lines = np.zeros((height, width + 1), np.uint8)
    lines[:, 1:] = nearest[cell]
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return (
        SIGNATURE
        + chunk(b"IHDR", header)
        + chunk(b"PLTE", palette.astype(np.uint8).tobytes())
        + chunk(b"IDAT", zlib.compress(lines.tobytes(), 9))
        + chunk(b"IEND", b"")
    )


def common_colour(pixels: np.ndarray) -> np.ndarray:
    """Give the colour that occurs most often: a flat surface keeps exactly its own."""
    colours, times = np.unique(pixels, axis=0, return_counts=True)
    return np.asarray(colours[np.argmax(times)], np.int32)
