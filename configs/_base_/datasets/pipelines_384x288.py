_base_ = './pipelines_256x192.py'

codec = dict(type='mmpose.MSRAHeatmap', input_size=(288, 384), heatmap_size=(72, 96), sigma=3)

train_pipeline = _base_.train_pipeline
train_pipeline[5].update(input_size=codec['input_size'])
train_pipeline[6].update(encoder=codec)
val_pipeline = _base_.val_pipeline
val_pipeline[2].update(input_size=codec['input_size'])
