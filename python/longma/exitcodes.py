"""The exit statuses of the `longma` command by name: the ones that Gunicorn's users already test for."""

from longma.errors import ApplicationLoadError, BootError, OperatorError, UsageError

OK = 0
CONFIG = OperatorError.exit_status  # a bad setting, configuration file or address
USAGE = UsageError.exit_status  # the command line cannot be read
BOOT = BootError.exit_status  # a worker raised before it could serve
APPLICATION = ApplicationLoadError.exit_status  # the application object could not be found or made
