"""What qemu's blklogwrites filter records of a disk, and the disk as a loss of power leaves it.

The log is in the format of the kernel's dm-log-writes (Documentation/admin-guide/device-mapper/log-writes.rst): a
super block, then for each write a header of one sector and the data. A flush is an entry without data. The daemon that
writes it serves one request at a time, so an entry is never older than one before it, and a flush covers all before it."""
import dataclasses
import random
import struct

SUPER = struct.Struct("<QQQI")      # magic, version, entries, sector size
HEADER = struct.Struct("<QQQQ")     # sector, sectors, flags, length of a mark's text
MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
PIECE = 4096                        # what a disk writes whole or not at all


@dataclasses.dataclass(frozen=True)
class Entry:
    at: int             # of its data, in the log
    end: int            # the place in the log from which on it has happened
    sector: int
    sectors: int
    flags: int


class Log:
    def __init__(self, path):
        self.file = open(path, "rb")
        magic, _, _, self.sector = SUPER.unpack(self.file.read(SUPER.size))
        assert magic == MAGIC, "not a log of writes"

    def entries(self, start=None):
        """From a place on, which is a former entry's end, to the last entry that is written whole."""
        at = self.sector if start is None else start
        while True:
            self.file.seek(at)
            header = self.file.read(HEADER.size)
            if len(header) < HEADER.size:
                return
            sector, sectors, flags, _ = HEADER.unpack(header)
            data = at + self.sector
            at = data + (0 if flags & DISCARD else sectors * self.sector)
            yield Entry(data, at, sector, sectors, flags)

    def data(self, entry):
        if entry.flags & DISCARD:
            return bytes(entry.sectors * self.sector)
        self.file.seek(entry.at)
        data = self.file.read(entry.sectors * self.sector)
        assert len(data) == entry.sectors * self.sector, "the log is cut off"
        return data

    def flushes(self, first, last):
        """The places of the flushes between two places."""
        return [entry.end for entry in self.entries() if entry.flags & FLUSH and first < entry.end <= last]


class Replay:
    """A copy of the disk from before the first write, which follows the log from flush to flush."""

    def __init__(self, log, image):
        self.log, self.image = log, open(image, "r+b", buffering=0)
        self.place = None               # up to where it was followed: a flush's end

    def to_flush_before(self, place):
        """All that was flushed by then, and nothing else; the writes between that flush and the place are returned."""
        assert self.place is None or self.place <= place, "the log is followed forwards only"
        since = []
        for entry in self.log.entries(self.place):
            if entry.end > place:
                break
            if entry.flags & FLUSH:
                for write in since:
                    self.write(write.sector * self.log.sector, self.log.data(write))
                self.place, since = entry.end, []
            if entry.sectors:
                since.append(entry)
        return since

    def write(self, offset, data):
        self.image.seek(offset)
        self.image.write(data)


def scatter(log, writes, image, dice: random.Random):
    """Some of the writes that no flush covers reach the disk all the same: any of them, in pieces, as a disk does it that
    empties its cache in an order of its own."""
    with open(image, "r+b", buffering=0) as disk:
        for write in writes:
            data = log.data(write)
            for start in range(0, len(data), PIECE):
                if dice.random() < 0.5:
                    disk.seek(write.sector * log.sector + start)
                    disk.write(data[start:start + PIECE])
