/* Sends a line and prints the answer.  echo_client HOST PORT */
#include <luatcp.h>
#include <stdio.h>

int main(int argc, char **argv) {
  char line[256], why[LUATCP_MESSAGE_SIZE];
  size_t length = 0;
  luatcp_socket *s = luatcp_new();
  luatcp_deadline limit; /* five seconds for all of it */
  luatcp_deadline_after(&limit, 5);
  int status = luatcp_connect(s, &limit, argc > 1 ? argv[1] : "localhost",
                              argc > 2 ? argv[2] : "echo");
  if (status == LUATCP_OK)
    status = luatcp_send(s, &limit, "hello\n", 6, &length);
  if (status == LUATCP_OK)
    status = luatcp_recv_line(s, &limit, LUATCP_LINE_TEXT, line, sizeof line,
                              &length);
  if (status < 0)
    printf("error: %s\n", luatcp_strerror(status, why, sizeof why));
  else
    printf("answer: %.*s\n", (int)length, line);
  luatcp_free(s);
  return status < 0;
}
