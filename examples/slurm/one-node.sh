#!/bin/bash
# A Slurm cluster of one node, this machine, to try things on: of whoever starts it, who need not be root; without
# systemd, on 127.0.0.1 alone, and all that it writes in one folder. Needs Debian's packages slurm-wlm and munge.
#
#     one-node.sh start FOLDER [CPUS]     FOLDER is made, and must not be writable by others
#     export SLURM_CONF=FOLDER/slurm.conf
#     sinfo; sbatch ...
#     one-node.sh stop FOLDER             cancels every job, and ends the daemons
set -euo pipefail

usage="usage: one-node.sh start FOLDER [CPUS] | one-node.sh stop FOLDER"
command=${1:?$usage}
mkdir -p "${2:?$usage}"
folder=$(cd "$2" && pwd)
export PATH=$PATH:/usr/sbin:/sbin
export SLURM_CONF=$folder/slurm.conf

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

wait_for() { # SECONDS WHAT COMMAND...
    local left=$1 what=$2
    shift 2
    until "$@" >"$folder/last" 2>&1; do
        left=$((left - 1))
        if [ "$left" -le 0 ]; then
            echo "one-node.sh: $what: $(tail -n 1 "$folder/last"); see $folder/*.log" >&2
            exit 1
        fi
        sleep 1
    done
}

is_idle() {
    sinfo --noheader --format=%t | tee /dev/stderr | grep -qE '^(idle|mix|alloc)'
}

is_gone() { # the process whose number is in a file
    [ ! -e "$1" ] || ! kill -0 "$(cat "$1" 2>/dev/null)" 2>/dev/null
}

start() {
    local cpus=${1:-$(nproc)} host
    for program in munged slurmctld slurmd; do
        command -v "$program" >/dev/null || {
            echo "one-node.sh: there is no $program: install slurm-wlm and munge" >&2
            exit 1
        }
    done
    if [ -e "$folder/munged.pid" ]; then
        echo "one-node.sh: a cluster runs in $folder, or did not end well: stop it" >&2
        exit 1
    fi
    trap 'code=$?; [ $code = 0 ] || stop; exit $code' EXIT
    host=$(hostname -s)
    chmod 711 "$folder"
    mkdir -p "$folder/state" "$folder/spool"
    (umask 077 && head -c 1024 /dev/urandom >"$folder/munge.key")
    cat >"$SLURM_CONF" <<CONF
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=10
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus State=UNKNOWN
PartitionName=short Nodes=$host Default=YES MaxTime=01:00:00 OverSubscribe=NO State=UP
CONF
    # The plug-in of version 1 touches no control group unless another plug-in asks it to, and none here does.
    echo "CgroupPlugin=cgroup/v1" >"$folder/cgroup.conf"
    munged --socket="$folder/munge.socket" --key-file="$folder/munge.key" --pid-file="$folder/munged.pid" \
        --log-file="$folder/munged.log" --seed-file="$folder/munged.seed"
    slurmctld -c -f "$SLURM_CONF"
    slurmd -c -f "$SLURM_CONF"
    wait_for 60 "the node does not come up" is_idle
    trap - EXIT
    echo "export SLURM_CONF=$SLURM_CONF"
}

stop() {
    [ -e "$SLURM_CONF" ] || return 0
    if [ -e "$folder/slurmd.pid" ]; then
        scancel --user="$(id -un)" || true
        wait_for 60 "jobs do not end" no_jobs
    fi
    local name
    for name in slurmd slurmctld munged; do
        kill "$(cat "$folder/$name.pid" 2>/dev/null)" 2>/dev/null || true
        wait_for 30 "$name does not end" is_gone "$folder/$name.pid"
        rm -f "$folder/$name.pid"
    done
}

no_jobs() {
    [ -z "$(squeue --noheader)" ]
}

case $command in
start) start "${3:-}" ;;
stop) stop ;;
*)
    echo "$usage" >&2
    exit 2
    ;;
esac
