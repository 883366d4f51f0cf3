"""What every benchmark needs: server and client in processes of their own, the least of several runs, a report."""
