"""What every benchmark needs: a server in a process of its own, a measured client process, medians, a report."""
