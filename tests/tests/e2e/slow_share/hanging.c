/* A file system that does not answer: opening a folder below SLOW_FOLDER waits for as long as the file SLOW_WHILE exists.
   Loaded before the C library, in which the programs find `opendir` otherwise. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

DIR *opendir(const char *path)
{
    static DIR *(*real)(const char *);
    const char *folder = getenv("SLOW_FOLDER");
    const char *flag = getenv("SLOW_WHILE");
    if (!real)
        real = (DIR *(*)(const char *)) dlsym(RTLD_NEXT, "opendir");
    if (folder && flag && strncmp(path, folder, strlen(folder)) == 0)
        while (access(flag, F_OK) == 0)
            usleep(20000);
    return real(path);
}
