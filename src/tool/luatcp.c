/* SPDX-License-Identifier: MIT
 *
 * luatcp.c: the program luatcp: its command line, and what leads to what.
 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: luatcp connect [OPTION...] HOST PORT\n"
    "       luatcp listen  [OPTION...] [HOST] PORT\n"
    "       luatcp serve   [OPTION...] [HOST] PORT FILE\n";

static const char help_text[] =
    "\n"
    "connect  sends standard input to a server, writes its answer to standard\n"
    "         output; the end of the input is passed on as a half-close\n"
    "listen   the same for a client that connects\n"
    "serve    sends a file to all who connect; \"-\", a pipe or the like to "
    "one\n"
    "\n"
    "Without HOST on all addresses, over IPv4 and IPv6 at once.\n"
    "\n"
    "  -4, --ipv4             IPv4 only\n"
    "  -6, --ipv6             IPv6 only\n"
    "  -w, --wait SECONDS     how long to wait for a connection\n"
    "  -i, --idle SECONDS     how long to wait while no byte moves\n"
    "  -t, --total SECONDS    how long all of it may take\n"
    "  -n, --clients N        end after N clients; 0 for never\n"
    "                         (listen: 1, serve: 0)\n"
    "  -r, --receive-only     send nothing, leave standard input alone\n"
    "  -p, --progress         say how far it is, also where standard error is\n"
    "                         no terminal\n"
    "  -q, --quiet            say nothing but what failed\n"
    "  -j, --json             say it in JSON, one object a line\n"
    "  -h, --help             this text\n"
    "  -V, --version          the version\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 a limit was reached.\n";

/* ---- The command line ------------------------------------------------ */

typedef struct option {
  char letter;
  const char *name;
  bool has_value;
} option;

static const option options[] = {
    {'4', "ipv4", false},         {'6', "ipv6", false},
    {'w', "wait", true},          {'i', "idle", true},
    {'t', "total", true},         {'n', "clients", true},
    {'r', "receive-only", false}, {'p', "progress", false},
    {'q', "quiet", false},        {'j', "json", false},
    {'h', "help", false},         {'V', "version", false},
};

static _Noreturn void usage(const char *problem, const char *which) {
  fprintf(stderr, "luatcp: %s%s%s\n%s", problem, *which != '\0' ? ": " : "",
          which, usage_text);
  exit(EXIT_USAGE);
}

/* Standard output is flushed by nobody else: what it says has to arrive. */
static _Noreturn void finish_output(void) {
  if (fflush(stdout) != 0) {
    perror("luatcp: standard output");
    exit(EXIT_FAILED);
  }
  exit(EXIT_DONE);
}

static double seconds_of(const char *text) {
  char *end;
  double seconds = strtod(text, &end);
  if (end == text || *end != '\0' || !(seconds >= 0))
    usage("not a number of seconds", text);
  return seconds;
}

static uint64_t count_of(const char *text) {
  uint64_t count = 0;
  const char *digit = text;
  for (; *digit >= '0' && *digit <= '9'; digit++) {
    if (count > (UINT64_MAX - 9) / 10)
      usage("too large", text);
    count = count * 10 + (uint64_t)(*digit - '0');
  }
  if (digit == text || *digit != '\0')
    usage("not a number of clients", text);
  return count;
}

/* The value is empty for an option that takes none. */
static void apply(settings *chosen, char letter, const char *value) {
  switch (letter) {
  case '4':
    chosen->family = LUATCP_INET;
    break;
  case '6':
    chosen->family = LUATCP_INET6;
    break;
  case 'w':
    chosen->wait = seconds_of(value);
    break;
  case 'i':
    chosen->idle = seconds_of(value);
    break;
  case 't':
    chosen->total = seconds_of(value);
    break;
  case 'n':
    chosen->clients = count_of(value);
    break;
  case 'r':
    chosen->receive_only = true;
    break;
  case 'p':
    chosen->progress = true;
    break;
  case 'q':
    chosen->quiet = true;
    break;
  case 'j':
    chosen->json = true;
    break;
  case 'h':
    printf("%s%s", usage_text, help_text);
    finish_output();
  default:
    printf("luatcp %s\n", luatcp_version());
    finish_output();
  }
}

static const option *by_letter(char letter) {
  for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
    if (options[i].letter == letter)
      return &options[i];
  return NULL;
}

static const option *by_name(const char *name, size_t length) {
  for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
    if (strlen(options[i].name) == length &&
        memcmp(options[i].name, name, length) == 0)
      return &options[i];
  return NULL;
}

/* The words of the command line that are left to be read. */
static char **words;

static const char *value_of(const char *rest, const char *which) {
  if (rest != NULL)
    return rest;
  if (*words == NULL)
    usage("a value is missing", which);
  return *words++;
}

/* "--name", "--name=value" and "--name value". */
static void long_option(settings *chosen, const char *word) {
  const char *name = word + 2, *equals = strchr(name, '=');
  size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
  const option *found = by_name(name, length);
  if (found == NULL)
    usage("unknown option", word);
  if (!found->has_value && equals != NULL)
    usage("takes no value", word);
  apply(chosen, found->letter,
        found->has_value ? value_of(equals != NULL ? equals + 1 : NULL, word)
                         : "");
}

/* "-ab", "-w5" and "-w 5". */
static void short_options(settings *chosen, const char *word) {
  for (const char *letter = word + 1; *letter != '\0'; letter++) {
    const option *found = by_letter(*letter);
    if (found == NULL)
      usage("unknown option", word);
    if (found->has_value) {
      apply(chosen, *letter,
            value_of(letter[1] != '\0' ? letter + 1 : NULL, word));
      return;
    }
    apply(chosen, *letter, "");
  }
}

/* Reads options wherever they stand; returns how many words are left, which
 * it moves to rest. */
static size_t read_words(settings *chosen, const char **rest, size_t room) {
  size_t count = 0;
  bool only_words = false;
  while (*words != NULL) {
    const char *word = *words++;
    if (!only_words && strcmp(word, "--") == 0)
      only_words = true;
    else if (!only_words && strncmp(word, "--", 2) == 0)
      long_option(chosen, word);
    else if (!only_words && word[0] == '-' && word[1] != '\0')
      short_options(chosen, word);
    else if (count == room)
      usage("too many arguments", word);
    else
      rest[count++] = word;
  }
  return count;
}

/* ---- Commands -------------------------------------------------------- */

static int input_of(const settings *chosen) {
  return chosen->receive_only ? -1 : STDIN_FILENO;
}

static int run_connect(const settings *chosen, double total_end) {
  int status = EXIT_FAILED;
  luatcp_socket *socket = network_connect(chosen, &status);
  if (socket == NULL)
    return status;
  status = relay(chosen, socket, input_of(chosen), STDOUT_FILENO, total_end);
  luatcp_free(socket);
  return status;
}

static void free_servers(luatcp_socket **servers, size_t count) {
  for (size_t i = 0; i < count; i++)
    luatcp_free(servers[i]);
}

static int listen_for(const settings *chosen, int input, int output,
                      double total_end) {
  luatcp_socket *servers[SERVERS_MAX];
  int status = EXIT_DONE;
  size_t count = network_listen(chosen, servers, &status);
  uint64_t served = 0;
  while (count > 0 && status == EXIT_DONE && !stop_wanted() &&
         (chosen->clients == 0 || served < chosen->clients)) {
    luatcp_socket *client = network_accept(chosen, servers, count, &status);
    if (client == NULL)
      break;
    if (++served == chosen->clients) {
      free_servers(servers, count); /* nobody else shall wait in the queue */
      count = 0;
    }
    status = relay(chosen, client, input, output, total_end);
    luatcp_free(client);
  }
  free_servers(servers, count);
  return status;
}

static int run_serve(settings *chosen, double total_end) {
  luatcp_socket *servers[SERVERS_MAX];
  struct stat about;
  int status = EXIT_FAILED;
  int file = strcmp(chosen->file, "-") == 0
                 ? STDIN_FILENO
                 : open(chosen->file, O_RDONLY | O_CLOEXEC);
  size_t count;
  if (file < 0 || fstat(file, &about) < 0)
    return report_failure("open", chosen->file, -errno);
  if (S_ISDIR(about.st_mode))
    return report_failure("open", chosen->file, -EISDIR);
  if (!S_ISREG(about.st_mode)) {
    /* can be read once */
    chosen->clients = 1;
    return listen_for(chosen, file, -1, total_end);
  }
  count = network_listen(chosen, servers, &status);
  if (count == 0)
    return status;
  status = serve(chosen, servers, count, file, total_end);
  free_servers(servers, count);
  return status;
}

/* Descriptors 0, 1 and 2 are open, so that no socket gets their numbers. */
static void open_standard_descriptors(void) {
  for (int descriptor = 0; descriptor <= 2; descriptor++)
    if (fcntl(descriptor, F_GETFD) < 0 && errno == EBADF)
      (void)open("/dev/null", descriptor == 0 ? O_RDONLY : O_WRONLY);
}

static int run(const char *command, settings *chosen, const char **rest,
               size_t count) {
  bool is_connect = strcmp(command, "connect") == 0;
  bool is_serve = strcmp(command, "serve") == 0;
  double total_end;
  if (is_serve && count > 0)
    chosen->file = rest[--count];
  if (count < 1 || (is_connect && count < 2) || (is_serve && !chosen->file))
    usage("an argument is missing", "");
  if (count > 2)
    usage("too many arguments", rest[2]);
  chosen->service = rest[count - 1];
  if (count == 2 && strcmp(rest[0], "*") != 0)
    chosen->host = rest[0];
  if (is_connect && chosen->host == NULL)
    usage("no host", rest[0]);
  if (stop_prepare() < 0)
    return report_failure("pipe", "", -errno);
  report_start(chosen);
  total_end = moment_in(chosen->total);
  /* what is waited for first has no more time than the whole */
  if (chosen->total >= 0 && (chosen->wait < 0 || chosen->wait > chosen->total))
    chosen->wait = chosen->total;
  if (is_connect)
    return run_connect(chosen, total_end);
  if (is_serve)
    return run_serve(chosen, total_end);
  return listen_for(chosen, input_of(chosen), STDOUT_FILENO, total_end);
}

int main(int argc, char **argv) {
  settings chosen = {0};
  const char *rest[3], *command = argc > 1 ? argv[1] : "";
  size_t count;
  int status;
  open_standard_descriptors();
  chosen.wait = chosen.idle = chosen.total = -1;
  if (argc < 2)
    usage("what is to be done?", "");
  words = argv + 2;
  if (*command == '-') {
    words = argv + 1;
    (void)read_words(&chosen, rest, 3);
    usage("a command has to come first", command);
  }
  if (strcmp(command, "connect") != 0 && strcmp(command, "listen") != 0 &&
      strcmp(command, "serve") != 0)
    usage("unknown command", command);
  chosen.clients = strcmp(command, "listen") == 0;
  count = read_words(&chosen, rest, 3);
  status = run(command, &chosen, rest, count);
  stop_now();
  return status;
}
