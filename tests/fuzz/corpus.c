/* SPDX-License-Identifier: MIT
 *
 * corpus.c: between a corpus as it is kept (one input a line, in hexadecimal)
 * and as libFuzzer has it (a directory, one file an input).
 *
 *   corpus unpack DIRECTORY <FILE.hex
 *   corpus pack FILE... >FILE.hex
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what) {
  perror(what);
  exit(1);
}

static void pack(const char *path) {
  FILE *file = fopen(path, "rb");
  int c;
  if (file == NULL)
    fail(path);
  while ((c = getc(file)) != EOF)
    printf("%02x", (unsigned)c);
  putchar('\n');
  fclose(file);
}

static int unpack(const char *directory) {
  int count = 0, c = getchar();
  while (c != EOF) {
    char path[4096];
    FILE *file;
    snprintf(path, sizeof path, "%s/seed-%04d", directory, ++count);
    file = fopen(path, "wb");
    if (file == NULL)
      return fail(path);
    for (; c != EOF && c != '\n'; c = getchar()) {
      char digits[3] = {(char)c, (char)getchar(), '\0'};
      putc((int)strtoul(digits, NULL, 16), file);
    }
    if (fclose(file) != 0)
      return fail(path);
    c = getchar();
  }
  return 0;
}

int main(int argc, char **argv) {
  int i;
  if (argc == 3 && strcmp(argv[1], "unpack") == 0)
    return unpack(argv[2]);
  if (argc < 2 || strcmp(argv[1], "pack") != 0)
    return 2;
  for (i = 2; i < argc; i++)
    pack(argv[i]);
  return 0;
}
