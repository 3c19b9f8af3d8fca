"""JupyterLab as a student finds it: notebooks, terminals and their assignments, none of an instructor's tools."""

c = get_config()  # type: ignore[name-defined]  # noqa: F821

# Others on this machine share the network. A kernel's ports ask nobody for a password; its sockets are files.
c.KernelManager.transport = "ipc"

c.ServerApp.jpserver_extensions = {
    "nbgrader.server_extensions.assignment_list": True,
    "nbgrader.server_extensions.validate_assignment": True,
    "nbgrader.server_extensions.course_list": False,
    "nbgrader.server_extensions.formgrader": False,
}
c.ServerApp.terminado_settings = {"shell_command": ["/bin/bash"]}  # not for logging in, which would set another PATH
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.news_url = None
c.LabApp.extension_manager = "readonly"
