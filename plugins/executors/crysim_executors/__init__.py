"""Where relaxations and runs are computed: this machine's cores, a dask cluster, what Parsl reaches."""
