/* `cupola completion`: a script for bash, made from the table of commands. */
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

int cli_completion(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "bash") != 0) {
        puts("usage: cupola completion [bash]\n\nPrints a script that completes commands, apps and files:\n"
             "  cupola completion > /etc/bash_completion.d/cupola    for everybody\n"
             "  source <(cupola completion)                          for this shell");
        return strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ? CLI_OK : CLI_USAGE;
    }
    fputs("_cupola() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]}\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
          "        COMPREPLY=($(compgen -W \"",
          stdout);
    for (unsigned i = 0; i < cli_command_count; i++)
        printf("%s ", cli_commands[i].name);
    cli_print_short_forms();
    fputs("--help --version $(\"${COMP_WORDS[0]}\" aliases 2>/dev/null | cut -d' ' -f1)\" -- \"$word\"))\n"
          "    elif [ \"${COMP_WORDS[1]}\" = sim ] && [ \"$COMP_CWORD\" -eq 2 ]; then\n"
          "        COMPREPLY=($(compgen -W \"$(\"${COMP_WORDS[0]}\" sim --help | awk '/^  [a-z]/{print $1}')\" -- "
          "\"$word\"))\n"
          "    elif [[ \"$word\" == -* ]]; then\n"
          "        local command=(\"${COMP_WORDS[1]}\")\n"
          "        [ \"${COMP_WORDS[1]}\" != sim ] || command+=(\"${COMP_WORDS[2]}\")\n"
          "        COMPREPLY=($(compgen -W \"$(\"${COMP_WORDS[0]}\" \"${command[@]}\" --help 2>/dev/null |\n"
          "            grep -oE -- '--[a-z-]+' | sort -u)\" -- \"$word\"))\n"
          "    elif [ \"${COMP_WORDS[1]}\" = help ] && [ \"$COMP_CWORD\" -eq 2 ]; then\n"
          "        COMPREPLY=($(compgen -W \"$(\"${COMP_WORDS[0]}\" --help | awk '/^  [a-z]/{print $1}')\" -- "
          "\"$word\"))\n"
          "    elif [ \"${COMP_WORDS[1]}\" = unalias ] && [ \"$COMP_CWORD\" -eq 2 ]; then\n"
          "        COMPREPLY=($(compgen -W \"$(\"${COMP_WORDS[0]}\" aliases 2>/dev/null | cut -d' ' -f1)\" -- "
          "\"$word\"))\n"
          "    elif [[ \"${COMP_WORDS[1]}\" =~ ^(passwd|delete-user|proxy)$ ]] && [ \"$COMP_CWORD\" -eq 2 ]; then\n"
          "        COMPREPLY=($(compgen -W \"$(\"${COMP_WORDS[0]}\" users --json --timeout 2 2>/dev/null |\n"
          "            grep -oE '\"email\":\"[^\"]*\"' | cut -d'\"' -f4)\" -- \"$word\"))\n"
          "    elif [[ \"${COMP_WORDS[1]}\" =~ ^(delete-service|bind-service|unbind-service)$ ]] && [ \"$COMP_CWORD\" "
          "-eq 2 ]; then\n"
          "        COMPREPLY=($(compgen -W \"$(\"${COMP_WORDS[0]}\" services --json --timeout 2 2>/dev/null |\n"
          "            grep -oE '\"name\":\"[^\"]*\"' | cut -d'\"' -f4)\" -- \"$word\"))\n"
          "    elif [ \"$COMP_CWORD\" -eq 2 ]; then\n"
          "        COMPREPLY=($(compgen -W \"$(\"${COMP_WORDS[0]}\" apps --json --timeout 2 2>/dev/null |\n"
          "            grep -oE '\"name\":\"[^\"]*\",\"staging\"' | cut -d'\"' -f4)\" -- \"$word\"))\n"
          "        [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$word\"))\n"
          "    else\n"
          "        COMPREPLY=($(compgen -f -- \"$word\"))\n"
          "    fi\n"
          "}\n"
          "complete -o filenames -F _cupola cupola\n",
          stdout);
    return CLI_OK;
}
