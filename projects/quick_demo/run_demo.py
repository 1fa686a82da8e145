"""The main job end to end on generated clips: detector, encoder, GLSMamba, evaluation, inference.

    python projects/quick_demo/run_demo.py --out demo_out [--video my.mp4]

Every stage leaves a file in OUT/.done; a second run goes on after the last finished stage.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DETECTOR = ROOT / 'configs/person_detection/rtmdet-pico_synthetic-posetrack-256x256.py'
POSES = ROOT / 'configs/body_2d_keypoint'
ENCODER = POSES / 'single_frame/synthetic/td-hm_res18-small_synthetic-posetrack-128x96.py'
VIDEO_MODEL = POSES / 'glsmamba/synthetic/td-hm_GLSMamba-tiny_synthetic-posetrack-128x96.py'
# Many short clips: what a model of a few minutes lacks is variety, not frames.
TRAIN_CLIPS, VAL_CLIPS, FRAMES, SIZE, SEED = 160, 12, 8, '320x240', 7
VIDEO_FRAMES, VIDEO_SEED = 60, 8
SHOWN = re.compile(r'(Epoch|Iter)\((train|val|test)\)|posetrack/AP|bbox_mAP|frames?/s|clip |^error: ')


class Stages:
    """Runs commands one after the other, shows their progress, remembers what is done."""

    def __init__(self, out: Path, total: int):
        self.out, self.total, self.number, self.seconds = out, total, 0, {}
        (out / '.done').mkdir(parents=True, exist_ok=True)
        self.env = dict(os.environ, SYNTHETIC_POSETRACK=str(out / 'clips'), PYTHONUNBUFFERED='1')
        self.env.setdefault('PYTHONWARNINGS', 'ignore')

    def run(self, name: str, title: str, *command: str) -> None:
        """Run a command unless it has been run before; its whole output goes to ``OUT/logs/NAME.log``."""
        self.number += 1
        done = self.out / '.done' / name
        print(f'\n[{self.number}/{self.total}] {title}', flush=True)
        if done.is_file():
            self.seconds[title] = float(done.read_text())
            print(f'      done before; remove {self.out} to start afresh', flush=True)
            return
        log = self.out / 'logs' / f'{name}.log'
        log.parent.mkdir(exist_ok=True)
        start = time.time()
        code = self._stream([sys.executable, *command], log)
        if code:
            print('\n'.join(log.read_text(errors='replace').splitlines()[-15:]), file=sys.stderr)
            sys.exit(f'error: stage "{title}" failed; its whole output is in {log}')
        self.seconds[title] = time.time() - start
        done.write_text(f'{self.seconds[title]:.1f}')

    def _stream(self, command, log: Path) -> int:
        with open(log, 'w') as file, subprocess.Popen(
                command, cwd=ROOT, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            line = b''
            # Byte-wise in small reads, since progress bars end their lines with \r.
            for chunk in iter(lambda: process.stdout.read1(4096), b''):
                file.write(chunk.decode(errors='replace'))
                line += chunk
                *complete, line = re.split(rb'[\r\n]', line)
                for text in complete:
                    self._show(text.decode(errors='replace').strip())
            return process.wait()

    @staticmethod
    def _show(text: str) -> None:
        if text.startswith('[') and 'elapsed' in text:  # a progress bar, redrawn in place
            print(f'\r      {text[:100]}', end='' if 'ETA' in text else '\n', flush=True)
        elif SHOWN.search(text):
            text = re.sub(r'^\S+ \S+ - \S+ - \S+ - ', '', text)
            print(f'      {text[:150]}', flush=True)


def last_checkpoint(work_dir: Path) -> Path:
    """The checkpoint that the last training in a folder has written."""
    return Path((work_dir / 'last_checkpoint').read_text().strip())


def prepare_models(stages: Stages) -> None:
    """Generate the clips and train the three models."""
    out = stages.out
    stages.run('clips', f'generate {TRAIN_CLIPS} + {VAL_CLIPS} clips of {FRAMES} frames',
               'projects/synthetic_posetrack/generate.py', str(out / 'clips'),
               '--clips', str(TRAIN_CLIPS + VAL_CLIPS), '--val-clips', str(VAL_CLIPS),
               '--frames', str(FRAMES), '--size', SIZE, '--seed', str(SEED), '--difficulty', 'easy',
               '--no-video', '--overwrite')
    stages.run('detector', 'train a person detector (mmdet, from scratch)',
               'tools/train.py', str(DETECTOR), '--work-dir', str(out / 'detector'))
    stages.run('encoder', 'train an encoder on single frames',
               'tools/train.py', str(ENCODER), '--work-dir', str(out / 'encoder'))
    stages.run('glsmamba', 'train GLSMamba (tiny) on the frozen encoder',
               'tools/train.py', str(VIDEO_MODEL), '--work-dir', str(out / 'glsmamba'), '--cfg-options',
               f'model.backbone.init_cfg.checkpoint={last_checkpoint(out / "encoder")}',
               'model.head.init_cfg.type=Pretrained', 'model.head.init_cfg.prefix=head.',
               f'model.head.init_cfg.checkpoint={last_checkpoint(out / "encoder")}')


def evaluate(stages: Stages) -> None:
    """PoseTrack AP on the held-out clips, with annotated and with detected boxes."""
    out = stages.out
    boxes = out / 'clips' / 'annotations' / 'detections_val.json'
    stages.run('test_encoder', 'evaluate the single frame, annotated boxes', 'tools/test.py', str(ENCODER),
               str(last_checkpoint(out / 'encoder')), '--work-dir', str(out / 'encoder'),
               '--out', str(out / 'ap_encoder.json'))
    stages.run('test_annotated', 'evaluate GLSMamba, annotated boxes', 'tools/test.py', str(VIDEO_MODEL),
               str(last_checkpoint(out / 'glsmamba')), '--work-dir', str(out / 'glsmamba'),
               '--out', str(out / 'ap_annotated.json'))
    stages.run('boxes', 'detect people in the held-out clips', 'projects/quick_demo/detect_boxes.py',
               str(out / 'detector'), str(out / 'clips'), str(boxes))
    stages.run('test_detected', 'evaluate GLSMamba, detected boxes', 'tools/test.py', str(VIDEO_MODEL),
               str(last_checkpoint(out / 'glsmamba')), '--work-dir', str(out / 'glsmamba'),
               '--out', str(out / 'ap_detected.json'),
               '--cfg-options', f'test_dataloader.dataset.bbox_file={boxes}')


def held_out_video(stages: Stages) -> Path:
    """A longer clip that nothing has been trained on."""
    folder = stages.out / 'held_out'
    stages.run('video_clip', f'generate a held-out video of {VIDEO_FRAMES} frames',
               'projects/synthetic_posetrack/generate.py', str(folder), '--clips', '1', '--val-clips', '1',
               '--frames', str(VIDEO_FRAMES), '--size', SIZE, '--seed', str(VIDEO_SEED),
               '--difficulty', 'easy', '--people', '2-2', '--overwrite')
    return next((folder / 'videos').glob('*.mp4'))


def infer(stages: Stages, name: str, video: Path) -> None:
    """Detector-driven inference on one video."""
    out = stages.out
    stages.run(name, f'poses in {video}', 'tools/infer_video.py', str(video), '--config', str(VIDEO_MODEL),
               '--checkpoint', str(last_checkpoint(out / 'glsmamba')), '--detector', str(out / 'detector'),
               '--out-dir', str(out / 'video'))


def report(stages: Stages, held_out: Path) -> None:
    """The closing table and what to open."""
    out = stages.out

    def average_precision(name):
        return json.loads((out / f'ap_{name}.json').read_text())['posetrack/AP']

    print('\nPoseTrack AP on held-out clips (generated, easy; no claim about real video)')
    for label, name in (('single frame, annotated boxes', 'encoder'),
                        ('GLSMamba tiny, annotated boxes', 'annotated'),
                        ('GLSMamba tiny, detected boxes', 'detected')):
        print(f'  {label:32s} {average_precision(name):5.1f}')
    print(f'\ntime {sum(stages.seconds.values()) / 60:.1f} min: '
          + ', '.join(f'{title.split(",")[0]} {seconds:.0f} s' for title, seconds in stages.seconds.items()))
    print('\nopen')
    for label, path in (('video with skeletons', out / 'video' / held_out.name),
                        ('its poses as JSON', out / 'video' / f'{held_out.stem}.json'),
                        ('generated clips', out / 'clips' / 'images'),
                        ('logs', out / 'logs')):
        print(f'  {label:32s} {path}')
    folder = '' if out.name == 'demo_out' else f' OUT={out}'
    print(f'\nposes in your own video: make demo VIDEO=my.mp4{folder}')


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description='The main job end to end on generated clips')
    parser.add_argument('--out', type=Path, default=Path('demo_out'))
    parser.add_argument('--video', type=Path, help='run the inference on this file instead')
    args = parser.parse_args()
    if args.video and not args.video.exists():
        sys.exit(f'error: video {args.video} does not exist')
    args.out = args.out.resolve()
    stages = Stages(args.out, total=5 if args.video else 10)
    prepare_models(stages)
    if args.video:
        (args.out / '.done' / 'video').unlink(missing_ok=True)
        infer(stages, 'video', args.video.resolve())
        print('\nThe demo\'s models have seen generated people only; for real people name a trained detector '
              'and checkpoint to tools/infer_video.py.')
        print(f'open  {args.out / "video" / (args.video.stem + ".mp4")}')
        return
    evaluate(stages)
    video = held_out_video(stages)
    infer(stages, 'held_out', video)
    report(stages, video)


if __name__ == '__main__':
    main()
