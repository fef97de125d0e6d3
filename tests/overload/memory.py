"""What connections cost: a process's own pages, and what the kernel keeps for its sockets."""
import pathlib

SLABS = ("TCP", "sock_inode_cache", "filp", "dentry", "eventpoll_epi", "eventpoll_pwq", "ep_head", "skbuff_head_cache",
         "skbuff_small_head", "tcp_bind_bucket", "tcp_bind2_bucket")


def resident(pids):
    """Bytes of private pages; what processes share is nobody's cost."""
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Private_"):
                total += int(line.split()[1]) * 1024
    return total


def kernel():
    """Bytes in the slabs that sockets live in, of the whole machine; None where the kernel does not tell."""
    try:
        lines = pathlib.Path("/proc/slabinfo").read_text().splitlines()
    except OSError:
        return None
    return sum(int(words[1]) * int(words[3]) for words in map(str.split, lines) if words[0] in SLABS)
