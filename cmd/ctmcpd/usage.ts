/** What `--help` says, and the manual page. */
export const usageText = `usage: ctmcpd [--config FILE]

Serves MCP from the configuration file until SIGTERM; SIGHUP reads the file again.

  --config FILE   default: $CTMCP_CONFIG, else ~/.config/coding-tools-mcp.yaml
  --quiet         do not print how to connect
  --launchd FILE  log to FILE, and end with 0 where launchd must not start it again
  --version
  --help

exit codes: 0 ended, 2 usage or forced stop, 69 address in use or already running,
77 permission, 78 configuration missing or invalid, 1 any other failure
`;
