"""Seeded damage: to bytes, to what JSON holds, to what pickles and arrays hold."""
from __future__ import annotations

import copy
import json
import random
from typing import Any, Callable, Dict, List, Tuple

import numpy as np

#: What a field may be replaced by.
ODD: Tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 1.5, -0.0, 1e308, -1e308, 10**30, 10**400, float('nan'), float('inf'), '',
    'x', '../X', '/etc/passwd', 'a' * 5000, '\x00', '1', [], {}, [[]], [None], [[1, 2], 3], ['x'], {'x': 1},
    [0] * 51, [float('nan')] * 4, [10**400] * 4)


def nested(rng: random.Random) -> Any:
    """Something nested: a little, or as deep as Python can write."""
    value: Any = 1
    for _ in range(rng.choice((3, 70, 400))):
        value = [value] if rng.random() < 0.5 else {'a': value}
    return value


def places(content: Any, limit: int = 4000) -> List[Tuple[Any, Any]]:
    """List (container, key) of what is in nested lists and dicts."""
    found, queue = [], [content]
    while queue and len(found) < limit:
        node = queue.pop()
        items = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in items:
            found.append((node, key))
            if isinstance(value, (dict, list)):
                queue.append(value)
    return found


def change_content(content: Any, rng: random.Random, odd: Tuple[Any, ...] = ODD) -> Any:
    """Replace, delete, double, rename or exchange one to three things in a copy."""
    content = copy.deepcopy(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        spots = places(content) if isinstance(content, (dict, list)) else []
        if not spots or rng.random() < 0.02:
            content = copy.deepcopy(rng.choice(odd))
            continue
        node, key = rng.choice(spots)
        kind = rng.choice(('replace', 'replace', 'replace', 'delete', 'double', 'rename', 'exchange', 'nest'))
        if kind == 'delete':
            del node[key]
        elif kind == 'nest':
            node[key] = nested(rng)
        elif kind == 'double' and isinstance(node, list):
            node.insert(key, copy.deepcopy(node[key]))
        elif kind == 'rename' and isinstance(node, dict):
            node[rng.choice(('x', str(key) + 's', ''))] = node.pop(key)
        elif kind == 'exchange':
            other, place = rng.choice(spots)
            node[key] = copy.deepcopy(other[place]) if place in other or isinstance(other, list) and \
                isinstance(place, int) and place < len(other) else None
        else:
            node[key] = copy.deepcopy(rng.choice(odd))
    return content


def change_bytes(data: bytes, rng: random.Random) -> bytes:
    """Flip, cut, insert, delete or repeat bytes."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        if not data:
            break
        at, size = rng.randrange(len(data)), rng.choice((1, 1, 4, 64, 1000))
        kind = rng.choice(('flip', 'flip', 'cut', 'insert', 'delete', 'repeat', 'zero'))
        if kind == 'flip':
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 'cut':
            del data[at:]
        elif kind == 'insert':
            data[at:at] = rng.randbytes(size)
        elif kind == 'delete':
            del data[at:at + size]
        elif kind == 'repeat':
            data[at:at] = data[at:at + size] * rng.choice((1, 10))
        else:
            data[at:at + size] = bytes(len(data[at:at + size]))
    return bytes(data)


#: Damage to JSON as text, by which parsers are pushed to their limits.
TEXTS: Dict[str, Callable[[], bytes]] = {
    'deep lists': lambda: b'[' * 100000, 'deep objects': lambda: b'{"a":' * 100000,
    'deep and closed': lambda: b'[' * 100000 + b']' * 100000, 'long number': lambda: b'9' * 5000,
    'not UTF-8': lambda: b'\xff\xfe"x"', 'empty': lambda: b'', 'zeros': lambda: bytes(100),
    'NaN': lambda: b'NaN',
    'byte order mark': lambda: b'\xef\xbb\xbf{}', 'surrogate': lambda: b'"\\ud800"',
}


def damaged_json(content: Any, rng: random.Random) -> bytes:
    """Bytes of a damaged JSON file: mostly of another content, sometimes no JSON any more."""
    chance = rng.random()
    if chance < 0.75:
        return json.dumps(change_content(content, rng)).encode()
    if chance < 0.95:
        return change_bytes(json.dumps(content).encode(), rng)
    return rng.choice(list(TEXTS.values()))()


def odd_array(array: np.ndarray, rng: random.Random) -> Any:
    """Change the shape, type or values of an array."""
    flat = np.array(array)
    kind = rng.choice(('nan', 'inf', 'shape', 'cut', 'text', 'object', 'whole', 'scalar', 'empty', 'complex'))
    if kind in ('nan', 'inf') and flat.dtype.kind == 'f' and flat.size:
        flat.reshape(-1)[rng.randrange(flat.size)] = np.nan if kind == 'nan' else np.inf
        return flat
    changed = {'shape': lambda: flat.reshape(-1), 'cut': lambda: flat[:len(flat) // 2] if flat.ndim else flat,
               'text': lambda: flat.astype(str), 'whole': lambda: np.ones(flat.shape, dtype=np.int8),
               'scalar': lambda: np.float64(3), 'empty': lambda: np.zeros((0, 3)),
               'complex': lambda: np.ones(flat.shape, dtype=complex)}
    return changed.get(kind, lambda: np.array(None, dtype=object))()


#: What an entry of a pickle or an archive may be replaced by, beside odd arrays.
ODD_OBJECTS: Tuple[Any, ...] = tuple(value for value in ODD if not isinstance(value, dict)) + (
    np.zeros(3), np.array('x'), (1, 2), b'bytes')


def change_objects(content: Dict, rng: random.Random) -> Dict:
    """Damage a dict of arrays, at any depth."""
    content = copy.deepcopy(content)
    spots = places(content)
    node, key = rng.choice(spots)
    if rng.random() < 0.2:
        del node[key]
    elif isinstance(node[key], np.ndarray) and rng.random() < 0.7:
        node[key] = odd_array(node[key], rng)
    else:
        node[key] = rng.choice(ODD_OBJECTS)
    return content
