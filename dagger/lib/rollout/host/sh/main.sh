# ---- which command: on the last lines, so that a file that was cut off does nothing

main() {
  is_label "${1:-}" || refuse "a fleet"
  fleet=$1 command=${2:-}
  S=$HOME/.fairlead/$fleet
  shift 2
  case $command in
    look) [ $# -eq 0 ] || refuse "look takes nothing" ;;
    lock) [ $# -eq 3 ] || [ $# -eq 4 ] || refuse "lock RUN OWNER VERB [DEAD RUN]" ;;
    beat | unlock | record | pin | unpin | prune) [ $# -eq 1 ] || refuse "$command TOKEN" ;;
    put) [ $# -eq 2 ] || refuse "put TOKEN RUN" ;;
    start | _job) [ $# -ge 4 ] || refuse "start TOKEN RUN ID JOB" ;;
    wait) [ $# -eq 4 ] || refuse "wait TOKEN RUN FROM SECONDS" ;;
    commit) [ $# -eq 3 ] || refuse "commit TOKEN RUN TAG" ;;
    history) [ $# -eq 0 ] || refuse "history takes nothing" ;;
    snapshot | definition) [ $# -eq 1 ] || refuse "$command NAME" ;;
    logs) [ $# -eq 2 ] || refuse "logs CONTAINER LINES" ;;
    # Pieces of a job, in processes of their own.
    _switch | _pull | _settle | _back)
      token=$FAIRLEAD_TOKEN run=$FAIRLEAD_RUN docker_root=${FAIRLEAD_ROOT:-}
      is_number "$token" && is_run "$run" || refuse "$command outside of a job"
      ;;
    *) refuse "a command" ;;
  esac
  "cmd_$command" "$@"
}

main "$@"
exit
