"""JupyterHub of one machine: its configuration, who may do what, secrets, users' servers, and `assay serve`."""
